CREATE TABLE books (
    title TEXT PRIMARY KEY,
    author TEXT NOT NULL
);
