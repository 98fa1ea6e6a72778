config --no-interpolate --no-path-resolution --no-normalize
