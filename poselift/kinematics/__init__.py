"""Joint rotations and joint angles of poses, by inverse kinematics."""
