// SPDX-License-Identifier: Apache-2.0
// The promise of a coro::Task, and how one task awaits another. Not for use by
// programs; see task.h.
#pragma once

#include <exception>
#include <optional>
#include <utility>

#include "coro/detail/async.h"

namespace coro {

template <class T>
class Task;

namespace detail {

// Memory for coroutine frames; from any thread. Throws std::bad_alloc.
void* allocate_frame(std::size_t size);
void free_frame(void* frame, std::size_t size) noexcept;

// Has the task's worker continue `next` once the running frame has returned.
void continue_with(std::coroutine_handle<> next) noexcept;
// Ends the running task, whose outermost frame is `frame`, in the same manner.
void end_task(std::coroutine_handle<> frame) noexcept;

// The exception being handled has left the running task, and nobody takes it:
// gives it to the process's handler, or ends the process.
void unhandled_task_exception() noexcept;

[[noreturn]] void throw_empty_task();
[[noreturn]] void throw_bad_frame();

// From one frame to another. GCC makes that a jump only when it optimises;
// otherwise each would take some of the thread's stack: there it goes by the
// worker.
inline std::coroutine_handle<> transfer_to(std::coroutine_handle<> next) noexcept {
#if defined(__clang__) || (defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && \
                           !defined(__SANITIZE_THREAD__) && !defined(CORO_TASK_BOUNCE))
  return next;
#else
  continue_with(next);
  return std::noop_coroutine();
#endif
}

// TaskResult is where a task leaves its outcome: in the frame of who awaits it.
struct TaskResultBase {
  std::coroutine_handle<> child;  // owned
  std::exception_ptr error;
};
template <class T>
struct TaskResult : TaskResultBase {
  std::optional<T> value;
};
template <class T>
struct TaskResult<T&> : TaskResultBase {
  T* value = nullptr;
};
template <>
struct TaskResult<void> : TaskResultBase {};

// Returns or throws the outcome, once.
template <class T>
T take(TaskResult<T>& result) {
  if (result.error != nullptr) std::rethrow_exception(std::move(result.error));
  if constexpr (std::is_reference_v<T>) {
    return *result.value;
  } else if constexpr (!std::is_void_v<T>) {
    return std::move(*result.value);
  }
}

template <class T>
class TaskAwaiter;

class PromiseBase {
 public:
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }

  static std::suspend_always initial_suspend() noexcept { return {}; }

  struct Final {
    static constexpr bool await_ready() noexcept { return false; }
    template <class Promise>
    static std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
      if (coro_await* caller = self.promise().caller()) return transfer_to(frame_of(caller));
      end_task(self);
      return std::noop_coroutine();
    }
    static constexpr void await_resume() noexcept {}
  };
  static Final final_suspend() noexcept { return {}; }

  // The outermost frame of a task has nobody to tell.
  void unhandled_exception() noexcept {
    if (result_ == nullptr) return unhandled_task_exception();
    result_->error = std::current_exception();
  }

  // co_await of an async form, and of a task.
  template <std::derived_from<AsyncForm> Form>
  FormAwaiter<Form> await_transform(Form&& form, const void* place = CORO_AWAIT_PLACE) noexcept {
    awaits_at(place);
    return FormAwaiter<Form>(form);
  }
  template <class T>
  TaskAwaiter<T> await_transform(Task<T>&& task, const void* place = CORO_AWAIT_PLACE);
  // A task runs once: co_await std::move(task).
  template <class T>
  void await_transform(Task<T>& task) = delete;

  [[nodiscard]] coro_await& link() noexcept { return link_; }
  [[nodiscard]] coro_await* caller() const noexcept {
    return reinterpret_cast<coro_await*>(link_.caller);
  }
  void awaited_by(PromiseBase& caller, TaskResultBase& result) noexcept {
    link_.caller = reinterpret_cast<std::uint64_t>(&caller.link_);
    result_ = &result;
  }
  // The frame is about to be destroyed by somebody else than who awaits it.
  void disown() noexcept {
    if (result_ != nullptr) result_->child = nullptr;
  }

 protected:
  PromiseBase() noexcept = default;
  [[nodiscard]] TaskResultBase* result() const noexcept { return result_; }

 private:
  void awaits_at(const void* place) noexcept {
    link_.location = places_are_known ? reinterpret_cast<std::uint64_t>(place) : 0;
  }

  coro_await link_{};  // first: published by its address
  TaskResultBase* result_ = nullptr;
};

// The handle of a frame that was just made. GCC before 12.3 puts a variable in front
// of the frame of a function that awaits in the condition of an if, while or switch
// and declares nothing in its outermost block (its bug 106188): such a frame cannot
// be resumed. All others are aligned as memory from `new` is.
template <class Promise>
std::coroutine_handle<Promise> new_frame(Promise& promise) {
  const auto frame = std::coroutine_handle<Promise>::from_promise(promise);
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
  constexpr std::uintptr_t alignment = 2 * sizeof(void*);
  if (reinterpret_cast<std::uintptr_t>(frame.address()) % alignment != 0) throw_bad_frame();
#endif
  return frame;
}

inline std::coroutine_handle<PromiseBase> frame_of(coro_await* link) noexcept {
  static_assert(std::is_standard_layout_v<PromiseBase>, "the link has to lie at offset 0");
  return std::coroutine_handle<PromiseBase>::from_promise(*reinterpret_cast<PromiseBase*>(link));
}

template <class T>
class Promise : public PromiseBase {
 public:
  Task<T> get_return_object();

  template <class U = T>
  requires std::is_constructible_v<T, U&&>
  void return_value(U&& value) {
    auto* result = static_cast<TaskResult<T>*>(this->result());
    if (result != nullptr) result->value.emplace(std::forward<U>(value));
  }
};

template <class T>
class Promise<T&> : public PromiseBase {
 public:
  Task<T&> get_return_object();

  void return_value(T& value) noexcept {
    auto* result = static_cast<TaskResult<T&>*>(this->result());
    if (result != nullptr) result->value = &value;
  }
};

template <>
class Promise<void> : public PromiseBase {
 public:
  Task<void> get_return_object();
  void return_void() noexcept {}
};

// TaskAwaiter owns the frame that it awaits, and receives its outcome.
template <class T>
class [[nodiscard]] TaskAwaiter : TaskResult<T> {
 public:
  explicit TaskAwaiter(std::coroutine_handle<Promise<T>> task) noexcept {
    // Frames are found from their links whatever the result is.
    static_assert(sizeof(Promise<T>) == sizeof(PromiseBase) &&
                  alignof(Promise<T>) == alignof(PromiseBase));
    this->child = task;
  }
  TaskAwaiter(const TaskAwaiter&) = delete;
  TaskAwaiter& operator=(const TaskAwaiter&) = delete;
  ~TaskAwaiter() {
    if (this->child) this->child.destroy();
  }

  [[nodiscard]] static constexpr bool await_ready() noexcept { return false; }

  template <std::derived_from<PromiseBase> Caller>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Caller> caller) noexcept {
    const auto task = std::coroutine_handle<Promise<T>>::from_address(this->child.address());
    task.promise().awaited_by(caller.promise(), *this);
    return transfer_to(task);
  }

  T await_resume() { return take<T>(*this); }
};

}  // namespace detail
}  // namespace coro
