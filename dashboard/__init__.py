"""What people see: pages, figures and the lineage component."""
