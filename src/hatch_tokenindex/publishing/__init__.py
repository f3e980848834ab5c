"""One run of `hatch publish -p tokenindex`: the plan, sending the files, and the result."""
