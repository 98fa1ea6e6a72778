config --profiles
