-- The claim of a picture of a profile: it is renewed as long as the node says that it is one.
ALTER TABLE claims ADD COLUMN avatar INTEGER NOT NULL DEFAULT 0;
