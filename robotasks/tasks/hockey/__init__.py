"""Strike a puck over a table-top rink, past boards and goalies, into a goal."""
