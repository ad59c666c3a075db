-- Runs once, when the database is empty: the API only reads and writes.
CREATE TABLE entries (
    id serial PRIMARY KEY,
    author text NOT NULL,
    message text NOT NULL
);
