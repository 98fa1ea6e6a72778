config --hash web,nobody
