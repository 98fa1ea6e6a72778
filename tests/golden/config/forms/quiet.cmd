config -q
