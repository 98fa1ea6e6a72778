config --explain services.web.labels.com.x.y
