"""What proxies show: host names, virtual hosts, static files, and the change that users see."""
