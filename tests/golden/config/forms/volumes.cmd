config --volumes
