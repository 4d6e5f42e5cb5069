default['hosts'] = { 'wxyzpod01ecs301.blob.core.windows.net' => '10.30.0.12' }
