import CasemateCore
import Foundation
import TestSupport
import Testing

/// Keys and signatures beside RFC 8032 and OpenSSL.
@Suite struct KeyTests {
    private static let ed25519 = """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEIOWZ67/lMydWVUoGPTKMwXLswkjGDQAxGoVc9b3ptRpF
        -----END PRIVATE KEY-----

        """
    private static let ed25519Public = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEAKQOf4OT2Rn2Eswp/wU+0BdQyS6Kau02i/D06tPkMN3c=
        -----END PUBLIC KEY-----

        """
    private static let p256 = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgY1yDKvs56yhxi4ib
        fdZLvLmVx/p86FzPgpKOWOAaGl2hRANCAASjie1hAWENYAWbXlPTcE5Mea1OrpKQ
        8yTDUCXbT5l92qQctyOPv6z4sv5QEk0ao219/KkP3F2Yf45aoY/tIdzh
        -----END PRIVATE KEY-----
        """
    private static let p256Public = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEo4ntYQFhDWAFm15T03BOTHmtTq6S
        kPMkw1Al20+ZfdqkHLcjj7+s+LL+UBJNGqNtffypD9xdmH+OWqGP7SHc4Q==
        -----END PUBLIC KEY-----

        """
    /// `openssl ec`: RFC 5915, the same key; `openssl ecparam -genkey` writes the curve before it.
    private static let p256Old = """
        -----BEGIN EC PARAMETERS-----
        BggqhkjOPQMBBw==
        -----END EC PARAMETERS-----
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIGNcgyr7OesocYuIm33WS7y5lcf6fOhcz4KSjljgGhpdoAoGCCqGSM49
        AwEHoUQDQgAEo4ntYQFhDWAFm15T03BOTHmtTq6SkPMkw1Al20+ZfdqkHLcjj7+s
        +LL+UBJNGqNtffypD9xdmH+OWqGP7SHc4Q==
        -----END EC PRIVATE KEY-----
        """
    private static let p256Compressed = """
        -----BEGIN PUBLIC KEY-----
        MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADo4ntYQFhDWAFm15T03BOTHmtTq6S
        kPMkw1Al20+Zfdo=
        -----END PUBLIC KEY-----
        """
    private static let identifiers = [
        "ed25519": "b917354d902b586a49fb3fe16b9d5410c14cfb33dbfc3c00ea4ee7cb5631462e",
        "p256": "3b29c1f0854010084de9306be73c99d0f0d4d14706bc850ddf6fbf837603ce87",
    ]
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// RFC 8032, section 7.1, tests 1 to 3.
    @Test(arguments: [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
                + "d25bf5f0595bbe24655141438e7a100b"
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
                + "387b2eaeb4302aeeb00d291612bb0c00"
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
                + "4a7c15e9716ed28dc027beceea1ec40a"
        ),
    ]) func ed25519SignsAsPublished(seed: String, point: String, message: String, expected: String) throws {
        let seed = try #require(Hexadecimal.bytes(seed))
        let key = try #require(SigningKey(ed25519Seed: seed))
        #expect(Hexadecimal.text(of: key.verifying.der.suffix(32)) == point)
        let message = try #require(Hexadecimal.bytes(message)), expected = try #require(Hexadecimal.bytes(expected))
        #expect(try [UInt8](key.signature(for: message)) == expected)
        #expect(key.verifying.isValid(expected, for: message))
        for index in expected.indices {
            var wrong = expected
            wrong[index] ^= 1
            #expect(!key.verifying.isValid(wrong, for: message))
        }
        #expect(!key.verifying.isValid(expected, for: message + [0]))
    }

    @Test func keysOfOpenSSLAreReadAndNamedAsOpenSSLWould() throws {
        let keys = [
            ("ed25519", Self.ed25519, Self.ed25519Public), ("p256", Self.p256, Self.p256Public),
            ("p256", Self.p256Old, Self.p256Compressed),
        ]
        for (name, secret, point) in keys {
            let signing = try SigningKey(bytes(secret), at: "key"),
                verifying = try VerifyingKey(bytes(point), at: "key")
            #expect(signing.verifying == verifying)
            #expect(verifying.algorithm.rawValue == name)
            // `openssl pkey -pubin -outform DER | sha256sum`
            #expect(verifying.identifier == Self.identifiers[name])
            #expect(try VerifyingKey(verifying.der, at: "der") == verifying)
        }
        #expect(try VerifyingKey(bytes(Self.ed25519Public), at: "key").pem == Self.ed25519Public)
        #expect(try VerifyingKey(bytes(Self.p256Compressed), at: "key").pem == Self.p256Public)
    }

    /// Made by `openssl pkeyutl -sign -rawin` and `openssl dgst -sha256 -sign`.
    @Test func signaturesOfOpenSSLAreValid() throws {
        let message = bytes("signed by openssl\n")
        let cases = [
            (
                Self.ed25519Public,
                "vQ7XFLJNgN/tkSpCzTKQd46pZeGQ6OkzJO+EokWVRgttXOrs1yvB2e6Ymf+5naRsnoQz6hF8FEe0eYP2wG9nBA=="
            ),
            (
                Self.p256Public,
                "MEUCICOpgZAj7XoADu7YW9iOiIc/wIbqs0+eXhvrN4Bv39hyAiEA4M6XbWLpN6P538tQb/FtnVZPvZ7DmLz6tUHly6Y2Im8="
            ),
        ]
        for (key, signature) in cases {
            let verifying = try VerifyingKey(bytes(key), at: "key")
            let signature = try #require(Data(base64Encoded: signature))
            #expect(verifying.isValid(signature, for: message))
            #expect(!verifying.isValid(signature, for: bytes("signed by OpenSSL\n")))
            #expect(!verifying.isValid(signature.dropLast(), for: message))
        }
        let key = try SigningKey(bytes(Self.p256), at: "key")
        #expect(key.verifying.isValid(try key.signature(for: message), for: message))
        #expect(try !VerifyingKey(bytes(Self.ed25519Public), at: "").isValid(key.signature(for: message), for: message))
    }

    static let openssl = "/usr/bin/openssl"
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: openssl)), arguments: KeyAlgorithm.allCases)
    func opensslReadsOurKeysAndSignatures(algorithm: KeyAlgorithm) throws {
        try Repository.withTemporaryFolder { folder in
            let key = SigningKey(algorithm)
            try key.write(to: folder + "/k")
            let message = Data("signed by us".utf8)
            try message.write(to: URL(fileURLWithPath: folder + "/m"))
            try key.signature(for: message).write(to: URL(fileURLWithPath: folder + "/s"))
            let check =
                algorithm == .p256
                ? ["dgst", "-sha256", "-verify", "k.pub", "-signature", "s", "m"]
                : ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "k.pub", "-sigfile", "s", "-in", "m"]
            #expect(try Program.run(check, program: Self.openssl, folder: folder).status == 0)
            let point = try Program.run(["pkey", "-in", "k", "-pubout"], program: Self.openssl, folder: folder)
            #expect(point.output == key.verifying.pem)
        }
    }

    @Test(arguments: KeyAlgorithm.allCases) func keysAreWrittenForTheirOwnerOnce(algorithm: KeyAlgorithm) throws {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/key.pem"
            let key = SigningKey(algorithm)
            try key.write(to: path)
            var facts = stat()
            #expect(stat(path, &facts) == 0 && facts.st_mode & 0o777 == 0o600)
            #expect(try SigningKey(contentsOf: path).verifying == key.verifying)
            #expect(try VerifyingKey(contentsOf: path + ".pub") == key.verifying)
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            #expect(throws: CasemateError.self) { try SigningKey(algorithm).write(to: path) }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
            #expect(!key.description.contains(String(decoding: before, as: UTF8.self).split(separator: "\n")[1]))
            // A link in the way is not followed, and no half of a pair is left behind.
            symlink(folder + "/elsewhere", folder + "/link")
            #expect(throws: CasemateError.self) { try key.write(to: folder + "/link") }
            symlink(folder + "/elsewhere", folder + "/half.pub")
            #expect(throws: CasemateError.self) { try key.write(to: folder + "/half") }
            #expect(!FileManager.default.fileExists(atPath: folder + "/elsewhere"))
            #expect(!FileManager.default.fileExists(atPath: folder + "/half"))
        }
    }

    @Test(arguments: [0o640, 0o604, 0o660, 0o666, 0o644]) func keysThatOthersCanReadAreRefused(mode: Int) throws {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/key"
            try SigningKey(.ed25519).write(to: path)
            chmod(path, mode_t(mode))
            let error = #expect(throws: CasemateError.self) { try SigningKey(contentsOf: path) }
            #expect(error?.code == .refused)
            #expect(error?.description.contains("chmod 600") == true)
            chmod(path, 0o400)
            #expect(throws: Never.self) { try SigningKey(contentsOf: path) }
        }
    }

    @Test func otherKeysAreNamed() throws {
        let cases: [(String, CasemateError.Code, String)] = [
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGbMFcGCSqGSIb3DQEFDTBKMCkG\n-----END ENCRYPTED PRIVATE KEY-----",
                .unsupported, "passphrase"
            ),
            (
                "-----BEGIN PRIVATE KEY-----\nMIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAw\n-----END PRIVATE KEY-----",
                .unsupported, "RSA"
            ),
            (
                "-----BEGIN PRIVATE KEY-----\nMIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGe\n-----END PRIVATE KEY-----",
                .unsupported, "P-384"
            ),
            (Self.ed25519Public, .malformed, "public"), ("no key", .malformed, "no key"), ("", .malformed, "no key"),
            (Self.ed25519 + Self.ed25519, .malformed, "2 PEM blocks"),
            ("-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----", .malformed, "base64"),
            ("-----BEGIN PRIVATE KEY-----\nMC4C", .malformed, "no key"),
        ]
        for (text, code, word) in cases {
            let error = #expect(throws: CasemateError.self) { try SigningKey(bytes(text), at: "key") }
            #expect(error?.code == code, "\(text)")
            #expect(error?.description.contains(word) == true, "\(error?.description ?? "")")
        }
        let error = #expect(throws: CasemateError.self) { try VerifyingKey(bytes(Self.p256), at: "key") }
        #expect(error?.code == .refused)
    }

    /// Ed25519 keys are compared byte by byte: no other length, version or identifier passes.
    @Test func changedKeysAreRefused() throws {
        let lines = Self.ed25519.split(separator: "\n")
        let data = try #require(Data(base64Encoded: String(lines[1])))
        let der = [UInt8](data)
        #expect(throws: Never.self) { try SigningKey(der, at: "der") }
        for index in 0..<16 {
            var wrong = der
            wrong[index] ^= 0x11
            #expect(throws: CasemateError.self, "byte \(index)") { try SigningKey(wrong, at: "der") }
        }
        #expect(throws: CasemateError.self) { try SigningKey(der + [0], at: "der") }
        #expect(throws: CasemateError.self) { try SigningKey(der.dropLast(), at: "der") }
        // RFC 5958: the public key beside the seed must be its own.
        let point = try SigningKey(der, at: "der").verifying.der.suffix(32)
        var long = der
        (long[1], long[4]) = (0x51, 0x01)
        long += [0x81, 0x21, 0x00] + point
        #expect(throws: Never.self) { try SigningKey(long, at: "der") }
        long[long.count - 1] ^= 1
        #expect(throws: CasemateError.self) { try SigningKey(long, at: "der") }
    }

    /// Bytes that nobody meant as a key never trap.
    @Test func randomBytesAreNoKeys() {
        for seed in 0..<300 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var bytes = (0..<Int.random(in: 0...120, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            if seed % 2 == 0, !bytes.isEmpty { bytes[0] = 0x30 }
            #expect(throws: CasemateError.self) { try SigningKey(bytes, at: "random") }
            #expect(throws: CasemateError.self) { try VerifyingKey(bytes, at: "random") }
        }
    }
}
