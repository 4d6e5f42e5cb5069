DELETE FROM dns WHERE name = 'wxyzpod01ecs301.privatelink.blob.core.windows.net' AND content = '10.30.0.12';
