"""PJSUA2 as the node that opens a recording's two dialogs: over TLS, SRTP mandatory, its offer in the INVITE.

Usage: pjsua_caller.py PORT NODE.pem NODE.key RECORDER.pem NEAR.wav FAR.wav SECONDS
Prints the suite of each call; a program of its own, so that PJSIP's threads and its memory end with it.
"""

import os
import re
import sys
import time

import pjsua2 as pj

PORT, CERTIFICATE, KEY, TRUSTED, NEAR, FAR, SECONDS = sys.argv[1:]
LEGS = ";x-refci=31;x-nearendclusterid=StandAloneCluster;x-nearenddevice=SEP6C416A369525;x-nearendaddr=1001"
LEGS += ";x-farendrefci=30;x-farendclusterid=StandAloneCluster;x-farenddevice=SEP38ED18552A12;x-farendaddr=1000"


class Leg(pj.Call):
    def __init__(self, account, voice):
        super().__init__(account)
        self.voice, self.player = voice, None

    def onCallMediaState(self, _):
        if self.player is None and self.hasMedia():
            media = self.getAudioMedia(-1)
            self.player = pj.AudioMediaPlayer()
            self.player.createPlayer(self.voice, pj.PJMEDIA_FILE_NO_LOOP)
            self.player.startTransmit(media)

    def suite(self):
        found = re.search(r"SRTP status: Active Crypto-suite: (\w+)", self.dump(True, ""))
        return found.group(1) if found else "none"


def endpoint():
    ep = pj.Endpoint()
    ep.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt, config.uaConfig.mainThreadOnly = 0, True
    config.logConfig.level, config.logConfig.consoleLevel = 3, 3
    config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
    config.medConfig.ecTailLen, config.medConfig.noVad = 0, True
    ep.libInit(config)
    ep.audDevManager().setNullDev()
    transport = pj.TransportConfig()
    transport.boundAddress = transport.publicAddress = "127.0.0.1"
    transport.tlsConfig.certFile, transport.tlsConfig.privKeyFile = CERTIFICATE, KEY
    transport.tlsConfig.CaListFile, transport.tlsConfig.verifyServer = TRUSTED, True
    ep.transportCreate(pj.PJSIP_TRANSPORT_TLS, transport)
    ep.libStart()
    for codec in ep.codecEnum2():
        ep.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith("PCMU") else 0)
    return ep


def account(side):
    config = pj.AccountConfig()
    config.idUri = f'"SJ User 2" <sip:1001@127.0.0.1;x-{side}{LEGS}>'
    config.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_MANDATORY
    config.mediaConfig.srtpSecureSignaling = 1
    config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    made = pj.Account()
    made.create(config)
    return made


def main():
    ep = endpoint()
    accounts = [account(side) for side in ("nearend", "farend")]
    calls = [Leg(account, voice) for account, voice in zip(accounts, (NEAR, FAR))]
    for call in calls:
        call.makeCall(f"sip:7878@127.0.0.1:{PORT};transport=tls", pj.CallOpParam(True))
    end = time.monotonic() + float(SECONDS)
    while time.monotonic() < end:
        ep.libHandleEvents(20)
    for call in calls:
        print("suite", call.suite() if call.isActive() else f"none: {call.getInfo().lastReason}", flush=True)
        call.hangup(pj.CallOpParam())
    while any(call.isActive() for call in calls) and time.monotonic() < end + 5:
        ep.libHandleEvents(20)
    # PJSIP's objects have to go before the library does, and Python alone knows when that is.
    sys.stdout.flush()
    os._exit(0)


main()
