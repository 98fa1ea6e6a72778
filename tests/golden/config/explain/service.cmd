config --explain services.web
