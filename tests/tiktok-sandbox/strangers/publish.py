"""The client `tiktok-api-client` from PyPI, as it is, against the sandbox.

Its URLs are fixed, so TikTok's host is made to lead to the sandbox: a proxy that answers for the host with a certificate
of our own. Arguments: the sandbox's base URL, the media host's base URL, client key, client secret, redirect URI.
"""

import json
import os
import pathlib
import socket
import ssl
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import trustme

TIKTOK = "open.tiktokapis.com"


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def serve(connection, context, sandbox):
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(4096)
        if not data:
            return
        head += data
    if not head.startswith(f"CONNECT {TIKTOK}:443 ".encode()):
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
        return
    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    client = context.wrap_socket(connection, server_side=True)
    upstream = socket.create_connection(sandbox)
    threading.Thread(target=pump, args=(upstream, client), daemon=True).start()
    pump(client, upstream)


def proxy(sandbox):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(TIKTOK).configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection, context, sandbox), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    bundle = pathlib.Path(tempfile.mkdtemp()) / "authority.pem"
    authority.cert_pem.write_to_path(bundle)
    os.environ["REQUESTS_CA_BUNDLE"] = str(bundle)
    os.environ["HTTPS_PROXY"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
    os.environ.pop("NO_PROXY", None)
    os.environ.pop("no_proxy", None)


def consent(base, authorize_url):
    """What the creator's browser would do; the callback's code."""
    body = json.dumps({"account": "ada", "query": authorize_url}).encode()
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urllib.request.Request(f"{base}/_sandbox/consent", body, {"content-type": "application/json"})) as answer:
        location = json.load(answer)["location"]
    return urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)["code"][0]


def finished(tiktok, publish_id):
    for _ in range(20):
        data = tiktok.check_upload_status(publish_id)["data"]
        if data["status"] in ("PUBLISH_COMPLETE", "FAILED"):
            return data
        time.sleep(0.5)
    return data


def main():
    base, media, client_key, client_secret, redirect_uri = sys.argv[1:]
    address = urllib.parse.urlsplit(base)
    proxy((address.hostname, address.port))

    from tiktok_api_client import TikTok

    tiktok = TikTok(client_key, client_secret, redirect_uri, state="st4te")
    tiktok.exchange_code_for_token(consent(base, tiktok.get_authorization_url()))
    tiktok.refresh_access_token()
    levels = tiktok.get_creator_info()["data"]["privacy_level_options"]
    video = tiktok.create_video(
        source="PULL_FROM_URL",
        upload_type="POST_VIDEO_URL",
        title="a stranger's video",
        privacy_level=levels[0],
        video_url=f"{media}good.mp4",
    )
    photos = tiktok.create_photo(
        post_mode="DIRECT_POST",
        title="a stranger's photos",
        description="two of them",
        privacy_level=levels[0],
        photo_images=[f"{media}good.jpg", f"{media}good.webp"],
        photo_cover_index=1,
    )["photo_upload_response"]
    print(json.dumps([finished(tiktok, it["data"]["publish_id"]) for it in (video, photos)]))


main()
