INSERT INTO books VALUES
    ('Middlemarch', 'George Eliot'),
    ('The Odyssey', 'Homer'),
    ('Walden', 'Henry David Thoreau')
