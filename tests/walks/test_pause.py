"""Walk (a): the phone presses pause, every device hears it."""

from tests.running import Server
from tests.songs import add_song
from tutti.context import Floor, Person


async def test_pause_on_the_phone_is_heard_by_the_browser_at_another_server(
    servers: tuple[Server, Server], floor: Floor, someone: Person
) -> None:
    song_id = await add_song(floor, someone)
    one, other = servers
    async with one.phone(someone) as phone, other.phone(someone) as browser:
        device = await browser.ask("device.register", name="Kitchen", kind="browser", canPlay=True)
        playing = await phone.ask("player.play", songId=str(song_id), deviceId=device["deviceId"])
        heard = await browser.hear("player.state", isPlaying=True)
        assert heard["item"]["songId"] == str(song_id)
        paused = await phone.ask("player.pause")
        heard = await browser.hear("player.state", isPlaying=False)
        assert heard["version"] == paused["version"] > playing["version"]
        assert heard["positionMs"] == paused["positionMs"]
        own = await phone.hear("player.state", version=paused["version"])
        assert {name: own[name] for name in paused} == paused


async def test_the_same_command_sent_twice_takes_effect_once(
    servers: tuple[Server, Server], floor: Floor, someone: Person
) -> None:
    songs = [await add_song(floor, someone, title) for title in ("Arabeske", "Blumenstück", "Humoreske")]
    one, other = servers
    async with one.phone(someone) as phone, other.phone(someone) as browser:
        await phone.ask("queue.add", songIds=[str(song) for song in songs], at="end")
        device = await browser.ask("device.register", name="Kitchen", kind="browser", canPlay=True)
        await browser.ask("player.play", deviceId=device["deviceId"])
        command_id = "0197f0c0-0000-7000-8000-000000000001"
        first = await phone.ask("player.next", commandId=command_id)
        again = await browser.ask("player.next", commandId=command_id)
        assert first["currentIndex"] == again["currentIndex"] == 1
        assert first["version"] == again["version"]
