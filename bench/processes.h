// What a bench of several processes needs: children that cannot outlive it, a folder for sockets,
// and a way to tell an address to a child that was forked before it was known.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "common/base/env.h"

namespace rubato {

// Ends the bench with `what` and errno's words unless `done`.
void Must(bool done, const char* what);

// A child process that runs `work` and ends. Fork it while this process has one thread.
class Child {
 public:
  explicit Child(const std::function<void()>& work);
  // Waits for its end.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  // For a child whose work has no end.
  void Kill();

 private:
  pid_t process_;
};

// Carries an address from the process that listens to the one that was forked before it did.
class AddressPipe {
 public:
  AddressPipe();
  ~AddressPipe();
  AddressPipe(const AddressPipe&) = delete;
  AddressPipe& operator=(const AddressPipe&) = delete;

  void Send(const std::string& address);
  std::string Receive();
  // nullopt: nobody sent anything within `time`.
  std::optional<std::string> ReceiveWithin(Duration time);

 private:
  int ends_[2] = {-1, -1};
};

// tcp://127.0.0.1:PORT, of a port that is free now: for a listener whose address others are told
// before it listens.
std::string FreeTcpAddress();

// A new folder, removed with all that is in it.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace rubato
