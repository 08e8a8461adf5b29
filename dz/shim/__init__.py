"""Templates of the files that every bundle carries; they run in the project's interpreter."""
