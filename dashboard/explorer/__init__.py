"""What the explorer shows and how it is asked for: the page draws what these modules answer."""
