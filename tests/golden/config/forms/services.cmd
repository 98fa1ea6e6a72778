config --services
