config --images
