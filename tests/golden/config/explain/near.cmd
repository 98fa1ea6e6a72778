config --explain 'services.web.ports[0].publishd'
