config --variables --format json
