#!/usr/bin/env python3
"""A call recorder made of PJSUA2: TLS that asks for CUCM's certificate, SRTP or nothing, a WAV file per leg.

PJSIP answers the two recording INVITEs of a call, which come without an offer, with offers of its own and plays each
leg into a file of its own through its jitter buffer and conference bridge.
"""

import argparse
import ctypes
import os
import re
import signal

import pjsua2 as pj

# Milliseconds of audio that wait for packets on their way; PJSIP throws them away when a call ends.
JITTER_BUFFER = 100


class Leg(pj.Call):
    """One dialog of a recording, and the file that its audio goes to."""

    def __init__(self, account, invited, folder):
        super().__init__(account, invited.callId)
        # Not CallInfo.remoteUri: PJSIP gives up on URIs of more than 256 characters, which CUCM's often are.
        sender = re.search(r"(?im)^(?:from|f)\s*:.*$", invited.rdata.wholeMsg).group(0)
        refci = re.search(r"x-refci=(\d+)", sender)
        side = "near" if re.search(r";x-nearend[;>]", sender) else "far"
        # A call that was on hold has its refci again, but never its Call-ID.
        name = f"{refci.group(1) if refci else 'unknown'}-{self.getInfo().callIdString}-{side}.wav"
        self.path = os.path.join(folder, name)
        self.file = None

    def onCallMediaState(self, _):
        # CUCM's answer is `sendonly`, which PJSIP calls being on hold: the audio comes all the same.
        if self.file is None and self.hasMedia():
            self.file = pj.AudioMediaRecorder()
            self.file.createRecorder(self.path + ".part.wav")
            self.getAudioMedia(-1).startTransmit(self.file)

    def onCallState(self, _):
        if self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED:
            if self.file is not None:
                # Whoever looks for the file finds it whole or not at all; the header is written when it is closed.
                self.file = None
                os.rename(self.path + ".part.wav", self.path)
            Recorder.legs.discard(self)


class Recorder(pj.Account):
    legs = set()

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def onIncomingCall(self, invited):
        leg = Leg(self, invited, self.folder)
        Recorder.legs.add(leg)
        answer = pj.CallOpParam()
        answer.statusCode = 200
        leg.answer(answer)


def start(chosen):
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    # Callbacks come from libHandleEvents, so that Python alone has them.
    config.uaConfig.threadCnt, config.uaConfig.mainThreadOnly = 0, True
    config.uaConfig.userAgent = "PJSUA2 recorder"
    config.logConfig.level = config.logConfig.consoleLevel = chosen.log
    config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
    config.medConfig.audioFramePtime, config.medConfig.ecTailLen, config.medConfig.noVad = 20, 0, True
    # A recorder has time: the buffer waits for late packets and throws none away to be quicker.
    config.medConfig.jbInit = config.medConfig.jbMinPre = config.medConfig.jbMaxPre = JITTER_BUFFER
    config.medConfig.jbMax = 1000
    # The bindings have the type of this setting but none of its values: PJMEDIA_JB_DISCARD_NONE is 0.
    discard = config.medConfig.jbDiscardAlgo
    ctypes.c_int.from_address(int(discard)).value = 0
    config.medConfig.jbDiscardAlgo = discard
    endpoint.libInit(config)
    endpoint.audDevManager().setNullDev()
    transport = pj.TransportConfig()
    transport.boundAddress = transport.publicAddress = chosen.address
    transport.port = chosen.port
    transport.tlsConfig.certFile, transport.tlsConfig.privKeyFile = chosen.certificate, chosen.key
    transport.tlsConfig.CaListFile = chosen.trusted
    transport.tlsConfig.verifyClient = transport.tlsConfig.requireClientCert = True
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_TLS, transport)
    endpoint.libStart()
    for codec in endpoint.codecEnum2():
        endpoint.codecSetPriority(codec.codecId, {"PCMU/8000/1": 255, "PCMA/8000/1": 254}.get(codec.codecId, 0))
        if codec.codecId.startswith("PCM"):
            # What did not come is silence in a recording, not a guess.
            setting = endpoint.codecGetParam(codec.codecId)
            setting.setting.plc = setting.setting.vad = False
            endpoint.codecSetParam(codec.codecId, setting)
    return endpoint


def account(chosen):
    config = pj.AccountConfig()
    config.idUri = f"sip:{chosen.user}@{chosen.address}"
    config.mediaConfig.srtpUse, config.mediaConfig.srtpSecureSignaling = pj.PJMEDIA_SRTP_MANDATORY, 1
    config.mediaConfig.transportConfig.boundAddress = chosen.address
    made = Recorder(chosen.folder)
    made.create(config)
    return made


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--address", required=True)
    arguments.add_argument("--port", type=int, default=5061)
    arguments.add_argument("--user", default="7878")
    arguments.add_argument("--certificate", required=True)
    arguments.add_argument("--key", required=True)
    arguments.add_argument("--trusted", required=True, help="CallManager.pem")
    arguments.add_argument("--folder", default="recordings")
    arguments.add_argument("--log", type=int, default=4)
    chosen = arguments.parse_args()
    os.makedirs(chosen.folder, exist_ok=True)
    ending = []
    signal.signal(signal.SIGTERM, lambda *_: ending.append(True))
    endpoint = start(chosen)
    recorder = account(chosen)
    print(f"ready for calls to {recorder.getInfo().uri}", flush=True)
    while not ending:
        endpoint.libHandleEvents(20)
    # PJSIP's objects have to go before the library does, and Python alone knows when that is.
    os._exit(0)


main()
