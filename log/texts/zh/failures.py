"""Why a training failed, and what may help. In Chinese."""

TEXTS = {
    "failed_raised": "rank {rank} 出错: {error}: {message}",
    "failed_validation": "rank {rank} 在 Epoch {epoch} 的验证中出错: {message}",
    "failed_sample": "rank {rank} 出错: {message}",
    "bad_sample": "无法读取样本 {sample}: {reason}",
    "bad_sample_file": "无法读取样本 {sample}（文件 {file}）: {reason}",
    "bad_collate": "{data} 的样本不能合成一个batch: {reason}",
    "failed_deadlock": "所有rank都在互相等待（{error}）",
    "waited": "等待其他rank超过 {seconds:z.0f} 秒",
    "failed_signal": "rank {rank} 被信号 {signal} 终止",
    "failed_exit": "rank {rank} 以退出码 {code} 结束",
    "failed_early": "rank {rank} 在训练完成之前就退出了（退出码 {code}）",
    "failed_hang": "rank {ranks} 没有响应，其他rank等待超时（{error}）",
    "failed_launch": "进程没有启动: {message}",
    "hint_SIGKILL": "可能原因: 内存不足（OOM killer）或被人为终止；用 dmesg 查看",
    "hint_SIGABRT": "可能原因: 集合通信超时（NCCL watchdog）或C++断言失败",
    "hint_SIGSEGV": "可能原因: 某个扩展库崩溃；各线程的调用栈在该rank的日志里",
    "hint_SIGBUS": "可能原因: /dev/shm 已满；减少 --workers 或增大共享内存",
    "hint_hang": "各线程的调用栈在该rank的日志里；如果这一步本来就慢，请增大 --timeout",
    "hint_memory": "内存（显存）不足: 减小 --batch_size 或模型，或使用 --amp",
    "hint_validation": (
        "这个epoch的训练已保存: 改正后用 --resume 只重新验证；--on_validation_error warn 使训练不因验证失败而结束"
    ),
    "hint_files": "打开的文件太多: 减少 --workers，或用 ulimit -n 提高上限",
    "hint_loader": "可能原因: 内存不足，或 /dev/shm 已满；减少 --workers 或增大共享内存",
    "victims": "rank {ranks} 只是失去了连接，不是原因",
    "rank_log": "该rank的输出: {path}",
}
