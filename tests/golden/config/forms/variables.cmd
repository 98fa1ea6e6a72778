config --variables
