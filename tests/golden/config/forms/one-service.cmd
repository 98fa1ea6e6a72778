config db
