config --environment
