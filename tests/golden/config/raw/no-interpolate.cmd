config --no-interpolate
