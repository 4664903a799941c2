"""Reports: results put together as tables and charts, written as a web page, Markdown or JSON."""
