// SPDX-License-Identifier: Apache-2.0
#include "daemon/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

namespace coroscope::daemon {
namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;

Error wrong(const char* key, const std::string& path, const std::string& why) {
  return {ErrorKind::usage, fmt::format("http.{}: {}: {}", key, path, why)};
}

// `what` goes for all that OpenSSL would say of what the file holds.
Error wrong_file(const char* key, const std::string& path, const char* what) {
  if (::access(path.c_str(), R_OK) != 0) return wrong(key, path, std::strerror(errno));
  return wrong(key, path, what);
}

// A key with a passphrase is an error, and no question to whoever sits there.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

Result<Context> make_context(const TlsFiles& files) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()));
  if (!context) return Error{ErrorKind::environment, "TLS can not be had"};
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
    return wrong_file("tls_certificate", files.certificate, "it holds no certificate in PEM form");
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    const bool other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;
    return wrong_file("tls_key", files.key,
                      other ? "it is not the key of the certificate"
                            : "it holds no key in PEM form, or one with a passphrase");
  }
  if (!files.client_ca.empty()) {
    if (SSL_CTX_load_verify_file(context.get(), files.client_ca.c_str()) != 1) {
      return wrong_file("client_ca", files.client_ca, "it holds no certificate in PEM form");
    }
    SSL_CTX_set_client_CA_list(context.get(), SSL_load_client_CA_file(files.client_ca.c_str()));
  }
  return context;
}

}  // namespace

struct Tls::State {
  TlsFiles files;
  std::mutex mutex;
  Context latest;
  ConnectionLimits& limits;

  State(const TlsFiles& with, ConnectionLimits& of_connections)
      : files(with), limits(of_connections) {}

  static State& of(const SSL* connection) {
    return *static_cast<State*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection)));
  }

  // Called for each connection before anything is answered.
  static int choose(SSL* connection, int*, void* state) {
    auto& its = *static_cast<State*>(state);
    const std::lock_guard lock(its.mutex);
    return SSL_set_SSL_CTX(connection, its.latest.get()) != nullptr ? SSL_CLIENT_HELLO_SUCCESS
                                                                    : SSL_CLIENT_HELLO_ERROR;
  }

  static void follow(const SSL* connection, int where, int) {
    if ((where & SSL_CB_HANDSHAKE_START) != 0) {
      SSL_set_ex_data(const_cast<SSL*>(connection), index(), &of(connection));
      of(connection).limits.shakes_hands(SSL_get_fd(connection));
    }
    if ((where & SSL_CB_HANDSHAKE_DONE) != 0) of(connection).limits.asks(SSL_get_fd(connection));
  }

  // By the thread that served it. Its descriptor may be unknown by now.
  static void freed(void*, void* state, CRYPTO_EX_DATA*, int, long, void*) {
    if (state != nullptr) static_cast<State*>(state)->limits.over();
  }

  static int index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, freed);
    return index;
  }

  void join(SSL_CTX& context) {
    SSL_CTX_set_app_data(&context, this);
    SSL_CTX_set_info_callback(&context, follow);
  }
};

Tls::Tls(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tls::~Tls() = default;

Result<std::unique_ptr<Tls>> Tls::load(const TlsFiles& files, ConnectionLimits& limits) {
  auto state = std::make_unique<State>(files, limits);
  std::unique_ptr<Tls> tls(new Tls(std::move(state)));
  if (auto loaded = tls->load_again(); !loaded) return loaded.error();
  return tls;
}

Result<void> Tls::load_again() {
  auto made = make_context(state_->files);
  if (!made) return made.error();
  state_->join(**made);
  const std::lock_guard lock(state_->mutex);
  state_->latest = std::move(*made);  // connections hold the one before as long as they need it
  return {};
}

bool Tls::set_up(SSL_CTX& base) {
  state_->join(base);
  SSL_CTX_set_min_proto_version(&base, TLS1_2_VERSION);
  // Each connection shows its certificate: nothing is remembered of one before.
  SSL_CTX_set_session_cache_mode(&base, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(&base, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_num_tickets(&base, 0);
  if (!state_->files.client_ca.empty()) {
    SSL_CTX_set_verify(&base, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  SSL_CTX_set_client_hello_cb(&base, State::choose, state_.get());
  return State::index() >= 0;
}

}  // namespace coroscope::daemon
