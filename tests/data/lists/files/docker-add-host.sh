docker run --add-host wxyzpod01ecs301.blob.core.windows.net:10.30.0.12 app
