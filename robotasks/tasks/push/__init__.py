"""The push family: moving things over the table with the closed fingers."""
