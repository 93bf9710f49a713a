secrets = {"ssid": "a network", "password": "its password"}
