// SPDX-License-Identifier: Apache-2.0
// TLS with certificates that are made here; tests/deploy has those of openssl, and curl.
#include "daemon/tls.h"

#include <gtest/gtest.h>
#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "connect.h"
#include "daemon/http_server.h"

namespace coroscope::daemon {
namespace {

// A key, and a certificate that it signs itself, as two files.
void make_certificate(const std::string& certificate, const std::string& key) {
  EVP_PKEY* pair = EVP_EC_gen("P-256");
  X509* made = X509_new();
  X509_set_version(made, 2);
  X509_gmtime_adj(X509_getm_notBefore(made), 0);
  X509_gmtime_adj(X509_getm_notAfter(made), 3600);
  X509_set_pubkey(made, pair);
  X509_NAME* name = X509_get_subject_name(made);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(made, name);
  X509_EXTENSION* alternative = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name,
                                                    const_cast<char*>("IP:127.0.0.1"));
  X509_add_ext(made, alternative, -1);
  EXPECT_GT(X509_sign(made, pair, EVP_sha256()), 0);
  FILE* file = std::fopen(certificate.c_str(), "w");
  PEM_write_X509(file, made);
  std::fclose(file);
  file = std::fopen(key.c_str(), "w");
  PEM_write_PrivateKey(file, pair, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_EXTENSION_free(alternative);
  X509_free(made);
  EVP_PKEY_free(pair);
}

// Asks by a byte now and then until the other side has enough of it.
void trickle(uint16_t port, SSL_CTX* context) {
  const Fd fd = connect_to(port);
  SSL* connection = SSL_new(context);
  SSL_set_fd(connection, fd.get());
  EXPECT_EQ(SSL_connect(connection), 1);
  EXPECT_GT(SSL_write(connection, "GET / HTTP/1.1\r\nX: ", 19), 0);
  pollfd closed{fd.get(), POLLRDHUP, 0};
  while (::poll(&closed, 1, 20) == 0 && SSL_write(connection, "x", 1) == 1) {
  }
  SSL_free(connection);
}

class TlsServer : public ::testing::Test {
 protected:
  TlsServer() {
    std::string pattern = ::testing::TempDir() + "coroscope-tls-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    make_certificate(path("server.pem"), path("server.key"));
    make_certificate(path("client.pem"), path("client.key"));
    std::filesystem::copy_file(path("client.pem"), path("ca.pem"));
  }
  ~TlsServer() override { std::filesystem::remove_all(folder_); }

  std::string path(const char* name) const { return folder_ / name; }
  TlsFiles files() const { return {path("server.pem"), path("server.key"), path("ca.pem")}; }
  std::unique_ptr<HttpServer> serve(const HttpLimits& limits = {}) const {
    auto server = HttpServer::start({.tls = files(), .limits = limits}, [](const Request& request) {
      return Response{.body = request.path};
    });
    if (server) return std::move(*server);
    ADD_FAILURE() << server.error().message;
    return nullptr;
  }
  // Whether it was answered.
  bool ask(uint16_t port, bool with_certificate) const {
    httplib::SSLClient client("127.0.0.1", port, with_certificate ? path("client.pem") : "",
                              with_certificate ? path("client.key") : "");
    client.set_ca_cert_path(path("server.pem").c_str());
    client.enable_server_certificate_verification(true);
    client.set_read_timeout(60);
    const auto answer = client.Get("/x");
    return answer && answer->status == 200 && answer->body == "/x";
  }

  std::filesystem::path folder_;
};

TEST_F(TlsServer, AnswersWhoHasACertificate) {
  const auto server = serve();
  ASSERT_TRUE(server);
  EXPECT_TRUE(ask(server->port(), true));
  EXPECT_FALSE(ask(server->port(), false));
  httplib::Client plain("127.0.0.1", server->port());
  EXPECT_FALSE(plain.Get("/x"));
}

// Those that shake hands at once and then ask a byte at a time; more than there are threads.
TEST_F(TlsServer, WhoTakesTooLongToAskMakesRoomForOthers) {
  ::signal(SIGPIPE, SIG_IGN);
  const auto server =
      serve({.handshake = std::chrono::minutes(1), .request = std::chrono::seconds(1)});
  ASSERT_TRUE(server);
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_use_certificate_file(context, path("client.pem").c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_use_PrivateKey_file(context, path("client.key").c_str(), SSL_FILETYPE_PEM);
  std::vector<std::thread> slow;
  for (int i = 0; i < 20; ++i) {
    slow.emplace_back([&] { trickle(server->port(), context); });
  }
  EXPECT_TRUE(ask(server->port(), true));
  // Each is hung up on: not because the test ends.
  for (std::thread& client : slow) client.join();
  SSL_CTX_free(context);
}

TEST_F(TlsServer, ReadsItsFilesAgainWhileItIsAsked) {
  const auto server = serve();
  ASSERT_TRUE(server);
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&] {
      for (int n = 0; n < 20; ++n) good += ask(server->port(), true);
    });
  }
  while (good < 40) {
    EXPECT_TRUE(server->read_certificates());
    std::this_thread::yield();
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 60);

  // Another root: who was let in is not any more.
  make_certificate(path("ca.pem"), path("other.key"));
  EXPECT_TRUE(server->read_certificates());
  EXPECT_FALSE(ask(server->port(), true));
  std::ofstream(path("server.key")) << "nothing";
  const auto wrong = server->read_certificates();
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::usage);
  EXPECT_TRUE(wrong.error().message.starts_with("http.tls_key: ")) << wrong.error().message;
}

}  // namespace
}  // namespace coroscope::daemon
