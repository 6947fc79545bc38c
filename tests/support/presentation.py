"""RDATA of every type with a presentation format: an input, and the output if it differs."""

from typing import Final

_HASH_20: Final = "2bb183af5f22588179a53b0a98631fad1a292118"
_HASH_32: Final = "d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a"
_HASH_48: Final = (
    "72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9"
    "495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6"
)

SAMPLES: Final[dict[str, tuple[tuple[str, str | None], ...]]] = {
    "A": (("192.0.2.1", None),),
    "NS": (("Ns1.example.", None), (".", None)),
    "MD": (("a.example.", None),),
    "MF": (("a.example.", None),),
    "CNAME": ((r"a\.b\032\(c.example.", None),),
    "SOA": (
        (
            "ns1.example. admin.example. 1 2h 1h 2w 300",
            "ns1.example. admin.example. 1 7200 3600 1209600 300",
        ),
    ),
    "MB": (("a.example.", None),),
    "MG": (("a.example.", None),),
    "MR": (("a.example.", None),),
    "WKS": (
        ("192.0.2.1 6 21 25 65535", None),
        ("192.0.2.1 TCP smtp ftp", "192.0.2.1 6 21 25"),
        ("192.0.2.1 17", None),
    ),
    "PTR": (("a.example.", None),),
    "HINFO": (('"PC \\"x\\"" "\\000\\255"', None), ("VAX-11/780 UNIX", '"VAX-11/780" "UNIX"')),
    "MINFO": (("a.example. b.example.", None),),
    "MX": (("65535 a.example.", None),),
    "TXT": (('"" "a;b" "\\\\" "\\200"', None), ('a\\"b', '"a\\"b"')),
    "RP": (("a.example. .", None),),
    "AFSDB": (("1 a.example.", None),),
    "X25": (('"311061700956"', None),),
    "ISDN": (('"150862028003217"', None), ('"150862028003217" ""', None), ('"1508" "004"', None)),
    "RT": (("2 a.example.", None),),
    "NSAP": (
        ("0x47000580005a0000000001e133ffffff00016100", None),
        (
            "0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00",
            "0x47000580005a0000000001e133ffffff00016100",
        ),
    ),
    "NSAP-PTR": (("a.example.", None),),
    "SIG": (("NXT 1 3 3600 19960102030405 19951211100908 2143 foo.nil. MxFcby9k", None),),
    "KEY": (
        ("512 255 1 AQMFD5raczCJHViKtLYhWGz8", None),
        ("49152 3 5", None),
        ("NOKEY EMAIL RSASHA1", "49152 2 5"),
    ),
    "PX": (("10 a.example. b.example.", None),),
    "GPOS": (
        ("-32.6882 116.8652 10.0", None),
        ('"-32.6882" "116.8652" "10.0"', "-32.6882 116.8652 10.0"),
    ),
    "AAAA": (("2001:db8::1", None), ("::ffff:192.0.2.1", None)),
    "LOC": (
        ("52 14 5.000 N 0 8 50.000 E 0.29m", None),
        ("52 14 05 N 00 08 50 E 0.29m", "52 14 5.000 N 0 8 50.000 E 0.29m"),
        (
            "42 21 54 N 71 06 18 W -24m 30m",
            "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m",
        ),
        ("90 0 0.000 S 180 0 0.000 W -100000.00m 0.00m 90000000.00m 0.01m", None),
        ("0 0 0.001 S 0 0 0.001 W 42849672.95m", None),
        ("1 N 2 E 3", "1 0 0.000 N 2 0 0.000 E 3.00m"),
    ),
    "NXT": (("a.example. A MX SIG NXT", None), ("a.example.", None)),
    "EID": (("e32c6f78163a9348", None),),
    "NIMLOC": (("32251a030067", None),),
    "SRV": (("1 2 65535 a.example.", None),),
    "ATMA": (("+61200000000", None), ("39246f00000000000000000000000000000000", None)),
    "NAPTR": (
        ('100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .', None),
        ('1 2 "" "" "" a.example.', None),
    ),
    "KX": (("10 a.example.", None),),
    "CERT": (
        ("PKIX 65534 254 MxFcby9k", None),
        ("65534 1 RSASHA256 MxFcby9k", "65534 1 8 MxFcby9k"),
    ),
    "A6": (
        ("0 2001:db8::1", None),
        ("64 ::1 a.example.", None),
        ("61 ::7:1234:5678:9abc a.example.", "61 ::7:1234:5678:9abc a.example."),
        ("128 a.example.", None),
    ),
    "DNAME": (("a.example.", None),),
    "SINK": (("8 0 1 MxFcby9k", None), ("8 0 1", None)),
    "APL": (("1:192.0.2.0/24 !1:192.0.2.64/28 2:2001:db8::/32 1:0.0.0.0/0", None),),
    "DS": (
        (f"60485 5 1 {_HASH_20}", None),
        (f"60485 RSASHA256 2 {_HASH_32}", f"60485 8 2 {_HASH_32}"),
    ),
    "SSHFP": ((f"2 1 {_HASH_20}", None),),
    "IPSECKEY": (
        ("10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtu gbo6BSGvgqt4AQ==", None),
        ("10 0 2 . AQNRU3mG", None),
        ("10 2 2 2001:db8::1 AQNRU3mG", None),
        ("10 3 0 gw.example.", None),
        ("10 0 0 .", None),
    ),
    "RRSIG": (
        ("A 5 3 86400 20300101000000 20200101000000 2642 example. MxFcby9k", None),
        (
            "TYPE65400 RSASHA256 3 1d 4294967295 0 2642 example. MxFc by9k",
            "TYPE65400 8 3 86400 21060207062815 19700101000000 2642 example. MxFcby9k",
        ),
        ("DOA 8 3 86400 20300101000000 20200101000000 2642 example. MxFcby9k", None),
    ),
    "NSEC": (("a.example. A MX RRSIG NSEC TYPE1234", None), ("a.example. TA DLV", None)),
    "DNSKEY": (("257 3 8 MxFcby9k", None), ("256 3 ED25519 MxFcby9k", "256 3 15 MxFcby9k")),
    "DHCID": (("AAIBY2/AuCccgoJbsaxcQc9TUapptP69 lOjxfNuVAA2kjEA=", None),),
    "NSEC3": (
        (
            "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG",
            "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA MX RRSIG DNSKEY NSEC3PARAM",
        ),
        ("1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr", None),
    ),
    "NSEC3PARAM": (("1 0 12 aabbccdd", None), ("1 0 0 -", None)),
    "TLSA": ((f"3 1 1 {_HASH_32}", None),),
    "SMIMEA": (("3 0 0 30820122", None),),
    "HIP": (
        (
            "2 200100107b1a74df365639cc39f1d578 AwEAAbdxyhNuSutc5EMzxTs9 a.example. b.example.",
            None,
        ),
        ("2 200100107b1a74df365639cc39f1d578 AwEAAbdxyhNuSutc5EMzxTs9", None),
    ),
    "NINFO": (('"a" "b"', None),),
    "RKEY": (("0 255 1 MxFcby9k", None),),
    "TALINK": ((". a.example.", None),),
    "CDS": ((f"60485 5 1 {_HASH_20}", None), ("0 0 0 00", None)),
    "CDNSKEY": (("257 3 8 MxFcby9k", None), ("0 3 0 AA==", None)),
    "OPENPGPKEY": (
        (
            "AQMFD5raczCJHViKtLYhWGz8hMY9UGRuniJD BaC7w0aR",
            "AQMFD5raczCJHViKtLYhWGz8hMY9UGRuniJDBaC7w0aR",
        ),
    ),
    "CSYNC": (("66 3 A NS AAAA", None), ("66 0", None)),
    "ZONEMD": ((f"2018031500 1 1 {_HASH_48}", None),),
    "SVCB": (('1 . alpn="h2,h3" port="53"', None), ("0 a.example.", None)),
    "HTTPS": (("1 . alpn=h2", '1 . alpn="h2"'),),
    "DSYNC": (("CDS NOTIFY 5359 a.example.", None), ("CSYNC 2 53 a.example.", None)),
    "HHIT": (("gwpIAA==", None),),
    "BRID": (("gwpIAA==", None),),
    "SPF": (('"v=spf1 -all"', None),),
    "NID": (("10 0014:4fff:ff20:ee64", None), ("10 14:4FFF:0:1", "10 0014:4fff:0000:0001")),
    "L32": (("10 192.0.2.1", None),),
    "L64": (("10 2001:0db8:1140:1000", None),),
    "LP": (("10 a.example.", None),),
    "EUI48": (("00-00-5e-00-53-2a", None),),
    "EUI64": (("00-00-5e-ef-10-00-00-2a", None),),
    "URI": (('10 1 "ftp://ftp.example/public;x"', None),),
    "CAA": (('0 issue "ca.example; a=b"', None), ('128 tbs ""', None), ('0 issue ";"', None)),
    "AVC": (('"app-name:WOLFGANG|app-class:OAM"', None),),
    "DOA": (
        ('1234567890 1234567890 1 "image/gif" R0lGODlhKAAZAOMCAGZmZgBmmf///zOZ zMz/', None),
        ('0 1 2 "" -', None),
    ),
    "AMTRELAY": (
        ("10 0 1 203.0.113.15", None),
        ("10 1 0 .", None),
        ("10 1 3 a.example.", None),
        ("10 0 2 2001:db8::15", None),
    ),
    "RESINFO": (('"qnamemin" "exterr=15-17" "infourl=https://resolver.example.com/guide"', None),),
    "WALLET": (('"BTC" "bc1x"', None),),
    "CLA": (('"TCP-v4-v6"', None),),
    "IPN": (("18446744073709551615", None),),
    "TA": ((f"60485 5 1 {_HASH_20}", None),),
    "DLV": ((f"60485 5 1 {_HASH_20}", None),),
}
"""By mnemonic."""

_UNKNOWN: Final = "the type is not known to this server"

PEERS_DIFFER: Final[dict[str, dict[str, str]]] = {
    "named-compilezone": {
        "MD": "obsolete types are refused in master files",
        "MF": "obsolete types are refused in master files",
        "IPSECKEY 10 3 0": "a key is required, though RFC 4025 section 3.1 lets it be absent",
        "IPSECKEY 10 0 0": "a key is required, though RFC 4025 section 3.1 lets it be absent",
        **dict.fromkeys(("CLA", "IPN"), _UNKNOWN),
    },
    "nsd-checkzone": {
        "WKS 192.0.2.1 17": "a port is required",
        "KEY 49152": "a key is required, though RFC 2535 section 3.1.2 lets it be absent",
        "NXT a.example.": "a type is required",
        "NSEC a.example. TA": "TA is not known to this server",
        "RRSIG DOA": "DOA is not known to this server",
        **dict.fromkeys(
            ("NSAP-PTR", "GPOS", "EID", "NIMLOC", "ATMA", "A6", "SINK", "HIP", "NINFO", "RKEY",
             "TALINK", "DSYNC", "HHIT", "BRID", "DOA", "AMTRELAY", "RESINFO", "WALLET", "CLA",
             "IPN", "TA"),
            _UNKNOWN,
        ),
    },
    "knotc": {
        **dict.fromkeys(
            ("MD", "MF", "MB", "MG", "MR", "WKS", "X25", "ISDN", "NSAP", "NSAP-PTR", "SIG", "PX",
             "GPOS", "NXT", "EID", "NIMLOC", "ATMA", "A6", "SINK", "HIP", "NINFO", "RKEY", "TALINK",
             "DSYNC", "HHIT", "BRID", "AVC", "DOA", "AMTRELAY", "RESINFO", "WALLET", "CLA", "IPN",
             "TA", "DLV"),
            "Knot DNS reads it in generic form only",
        ),
        "KEY 49152": "a key is required, though RFC 2535 section 3.1.2 lets it be absent",
        "NSEC a.example. TA": "TA is not known to this server",
        "RRSIG DOA": "DOA is not known to this server",
    },
    "ldns-read-zone": {
        "WKS 192.0.2.1 17": "a port is required",
        "NSAP-PTR": "it is printed as a quoted string",
        "KEY 49152": "a key is required, though RFC 2535 section 3.1.2 lets it be absent",
        "NXT": "the list of types is not read",
        "ATMA +": "the form of E.164 is not read",
        "IPSECKEY": "a key in base64, or the absence of one, is not read",
        "NSEC a.example. TA": "types it does not know become TYPE0",
        "RRSIG DOA": "types it does not know become TYPE0",
        "CSYNC 66 0": "a type is required",
        **dict.fromkeys(
            ("A6", "SINK", "NINFO", "RKEY", "DSYNC", "HHIT", "BRID", "AVC", "DOA", "AMTRELAY",
             "RESINFO", "WALLET", "CLA", "IPN", "TA"),
            _UNKNOWN,
        ),
    },
}  # fmt: skip
"""By the program that reads master files: how the record begins that it refuses or prints as
something else, and why."""
