host { 'wxyzpod01ecs301.blob.core.windows.net': ensure => absent, ip => '10.30.0.12' }
