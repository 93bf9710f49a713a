"""Files as bodies."""


async def sendfile(conn, filename):
    """Send what is in a file, block by block. Raises OSError where there is none."""
    block = memoryview(bytearray(512))
    with open(filename, "rb") as file:
        while n := file.readinto(block):
            conn.write(block[:n])
            await conn.drain()
