"""From numbers to screen: services load and run, figures draw, widgets put them on a page."""
