"""`dz bench`: how long a deploy takes, beside a script that a good engineer writes by hand."""
