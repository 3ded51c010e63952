"""The lineage graph: what it shows, where things stand, and the component that draws it."""
