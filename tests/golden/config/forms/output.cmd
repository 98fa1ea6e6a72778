config -o /dev/stdout --services
