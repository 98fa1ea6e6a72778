config --hash '*'
