config --explain 'services.web.ports[9]'
