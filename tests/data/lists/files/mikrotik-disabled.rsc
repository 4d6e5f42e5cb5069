/ip dns static
add address=10.30.0.12 disabled=yes name=wxyzpod01ecs301.privatelink.blob.core.windows.net
add address=10.30.0.13 name=wxyzpod01ecs301.privatelink.queue.core.windows.net
