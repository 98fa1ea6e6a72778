CREATE TABLE votes (
    voter_id text PRIMARY KEY,
    vote text NOT NULL CHECK (vote IN ('a', 'b'))
);

CREATE FUNCTION votes_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('votes', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER votes_changed AFTER INSERT OR UPDATE OR DELETE ON votes
    FOR EACH STATEMENT EXECUTE FUNCTION votes_changed();
