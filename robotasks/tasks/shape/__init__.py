"""Shape sorting: pegs of six shapes and the sockets they fit into."""
