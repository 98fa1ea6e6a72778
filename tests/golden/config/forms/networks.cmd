config --networks
