"""The command line: one file a command, and what commands share.

`group` finds commands and tells errors in one line, `database` gives the database's addresses,
`http` runs the web workers and `scheduler` the child process beside them.
"""
