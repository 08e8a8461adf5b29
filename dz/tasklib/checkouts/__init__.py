"""Source code on a build server: the tree of a commit, and local folders that are offered as repositories."""
